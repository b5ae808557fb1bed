// What CloudFront runs on each viewer request (event type viewer-request, runtime cloudfront-js-2.0): `Accept` becomes
// one of at most four values, so that the cache holds one picture per format and not one per browser version. The
// cache policy has `Accept` in its key; the path, the query and all else of the request stay as they came.
//
// The rule is the server's own (renderer/request/client_features.py): a format counts when the text `image/<format>`
// stands anywhere in the first `Accept` line. Case matters, quality values do not: `image/webp;q=0` counts as WebP,
// `IMAGE/WEBP`, `image/*` and `*/*` name nothing. So the server chooses from the new value as it would from the old.
//
// FORMATS are the formats that the server may answer; infra/delivery/accept/source.py fills in those that are switched on.
// - Up to two: what the client names of them is kept. That is four values, and the server's choice never changes.
// - All three have eight combinations, and four are kept: nothing, WebP, WebP and AVIF, all three. Every browser that
//   we know sends one of these. Whoever leaves one out loses those after it (AVIF without WebP gets `*/*`) and so a
//   smaller picture, but nobody is promised a format that he did not name.
//
// A request without the header gets `*/*`, as clients that name no format do. Events of another shape than CloudFront
// documents are answered as well: what throws here is a 503 for the viewer.

const FORMATS = ['webp', 'avif', 'jxl'];

function handler(event) {
    const request = event && event.request;
    if (isObject(request)) {
        if (!isObject(request.headers)) {
            request.headers = {};
        }
        request.headers.accept = rewritten(request.headers.accept);
    }
    return request;
}

// The field as it goes on. CloudFront lets a changed `multiValue` win over `value`, and without a change keeps the
// lines after the first: so one that is there is replaced too.
function rewritten(header) {
    const value = canonical(firstLine(header));
    if (isObject(header) && Array.isArray(header.multiValue)) {
        return { value: value, multiValue: [{ value: value }] };
    }
    return { value: value };
}

function firstLine(header) {
    if (!isObject(header)) {
        return '';
    }
    const lines = Array.isArray(header.multiValue) ? header.multiValue : [];
    const line = typeof header.value !== 'string' && isObject(lines[0]) ? lines[0].value : header.value;
    return typeof line === 'string' ? line : '';
}

function canonical(accept) {
    let value = '*/*';
    for (let i = 0; i < FORMATS.length; i++) {
        const type = 'image/' + FORMATS[i];
        if (accept.indexOf(type) !== -1) {
            value = type + ',' + value;
        } else if (FORMATS.length > 2) {
            break;
        }
    }
    return value;
}

function isObject(value) {
    return typeof value === 'object' && value !== null && !Array.isArray(value);
}
