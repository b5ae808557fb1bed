// Loads a CloudFront function as its runtime does: a script in strict mode, without modules and without node's globals.

'use strict';

const fs = require('node:fs');
const path = require('node:path');
const vm = require('node:vm');

const FILE = path.join(__dirname, '..', '..', '..', 'infra', 'delivery', 'accept', 'function.js');
const SOURCE = fs.readFileSync(FILE, 'utf8');

function load(source) {
    const context = vm.createContext(Object.create(null), { codeGeneration: { strings: false, wasm: false } });
    vm.runInContext("'use strict';" + source, context, { filename: FILE });
    return vm.runInContext('handler', context);
}

// An event as CloudFront writes it: null is a request without the header, a list is several lines.
function eventWith(accept) {
    const headers = { host: { value: 'pictures.example.com' } };
    if (Array.isArray(accept)) {
        headers.accept = { value: accept[0], multiValue: accept.map((value) => ({ value })) };
    } else if (accept !== null) {
        headers.accept = { value: accept };
    }
    return {
        version: '1.0',
        context: { eventType: 'viewer-request', requestId: 'EXAMPLE' },
        viewer: { ip: '198.51.100.11' },
        request: {
            method: 'GET',
            uri: '/c2lnbmF0dXJl/rs:fit:300:300/plain/s3://pictures/a%20b.jpg@webp',
            querystring: { v: { value: '1' } },
            headers,
            cookies: {},
        },
    };
}

module.exports = { SOURCE, load, eventWith };
