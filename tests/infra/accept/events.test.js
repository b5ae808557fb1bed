// What the function does with the rest of an event, and with events of another shape than the documented one.

'use strict';

const assert = require('node:assert');
const test = require('node:test');
const { SOURCE, load, eventWith } = require('./load.js');
const rows = require('./headers.json');

const handler = load(SOURCE);
const VALUES = new Set(rows.map((row) => row.value));

// Objects of the function's context have prototypes of their own: compare them as text.
function copy(value) {
    return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}

test('nothing but Accept changes', () => {
    const event = eventWith('image/webp');
    event.request.headers['accept-encoding'] = { value: 'gzip', multiValue: [{ value: 'gzip' }, { value: 'br' }] };
    const expected = copy(event.request);
    expected.headers.accept = { value: 'image/webp,*/*' };
    assert.deepStrictEqual(copy(handler(event)), expected);
});

test('a request without Accept gets one, so that it shares the key of clients that name nothing', () => {
    assert.deepStrictEqual(copy(handler(eventWith(null)).headers.accept), { value: '*/*' });
});

for (const [title, lines, value] of [
    ['the first line counts, as for the server', ['image/webp', 'image/avif'], 'image/webp,*/*'],
    ['an empty first line names nothing', ['', 'image/webp'], '*/*'],
    ['one line in the list', ['image/avif,image/webp'], 'image/avif,image/webp,*/*'],
]) {
    test(`of several lines one remains: ${title}`, () => {
        assert.deepStrictEqual(copy(handler(eventWith(lines)).headers.accept), { value, multiValue: [{ value }] });
    });
}

test('lines without `value` are read from the list', () => {
    const event = eventWith(null);
    event.request.headers.accept = { multiValue: [{ value: 'image/webp' }] };
    assert.strictEqual(handler(event).headers.accept.value, 'image/webp,*/*');
});

for (const accept of [
    null, 0, true, '', 'image/webp', [], ['image/webp'], {}, { value: null }, { value: 7 }, { value: ['image/webp'] },
    { value: { value: 'image/webp' } }, { multiValue: null }, { multiValue: [] }, { multiValue: ['image/webp'] },
    { multiValue: [null] }, { multiValue: [{}] }, { multiValue: [{ value: 7 }] }, { multiValue: { 0: 'image/webp' } },
]) {
    test(`no text in the header: ${JSON.stringify(accept)}`, () => {
        const event = eventWith(null);
        event.request.headers.accept = accept;
        assert.strictEqual(handler(event).headers.accept.value, '*/*');
    });
}

for (const headers of [undefined, null, 0, 'image/webp', []]) {
    test(`no headers: ${JSON.stringify(headers)}`, () => {
        const event = eventWith(null);
        event.request.headers = headers;
        assert.deepStrictEqual(copy(handler(event).headers), { accept: { value: '*/*' } });
    });
}

for (const event of [undefined, null, 0, '', 'request', [], {}, { request: null }, { request: 7 }, { request: [] }]) {
    test(`no request: ${JSON.stringify(event)}`, () => {
        assert.doesNotThrow(() => handler(event));
    });
}

// Mulberry32: the same numbers on each run.
function numbers(seed) {
    return function below(limit) {
        seed = (seed + 0x6d2b79f5) | 0;
        let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
        mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
        return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
    };
}

const below = numbers(20_260_901);
const PIECES = [
    'image/webp', 'image/avif', 'image/jxl', 'IMAGE/', 'image/', 'webp', '*/*', ';q=0', ',', ' ', '\u0000', 'é', '😀',
];
const NAMES = ['accept', 'value', 'multiValue', 'headers', 'request', '__proto__', 'constructor', 'length', '0'];

function text() {
    return Array.from({ length: below(12) }, () => PIECES[below(PIECES.length)]).join('');
}

function anything(depth) {
    switch (below(depth > 0 ? 8 : 5)) {
        case 0: return null;
        case 1: return below(2) === 0;
        case 2: return below(9) - 4;
        case 3: case 4: return text();
        case 5: return Array.from({ length: below(4) }, () => anything(depth - 1));
        default: return object(depth);
    }
}

// Through JSON, as events come: there `__proto__` is a name like any other.
function object(depth) {
    const members = Array.from({ length: below(5) }, () =>
        `${JSON.stringify(NAMES[below(NAMES.length)])}:${JSON.stringify(anything(depth - 1))}`);
    return JSON.parse(`{${members.join(',')}}`);
}

test('20,000 events of any shape: no throw, and one of the four values, which stays', () => {
    let answered = 0;
    for (let i = 0; i < 20_000; i++) {
        const event = i % 4 === 0 ? anything(5) : eventWith(text());
        if (i % 4 === 1) {
            event.request.headers.accept = anything(3);
        } else if (i % 4 === 2) {
            event.request.headers = anything(4);
        }
        const given = JSON.stringify(event);
        const once = copy(handler(event));
        if (once === null || typeof once !== 'object' || Array.isArray(once)) {
            continue;
        }
        answered++;
        assert.ok(VALUES.has(once.headers.accept.value), given);
        assert.deepStrictEqual(copy(handler({ request: copy(once) })), once, given);
    }
    assert.ok(answered > 15_000, `${answered} requests`);
});
