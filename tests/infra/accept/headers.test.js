// What becomes of the headers that browsers, apps and robots send for pictures, with all three formats switched on.
// headers.json says where each value comes from; "assumed" has not been seen on the wire by us.

'use strict';

const assert = require('node:assert');
const test = require('node:test');
const { SOURCE, load, eventWith } = require('./load.js');
const rows = require('./headers.json');

const handler = load(SOURCE);
const values = new Set(rows.map((row) => row.value));

test('there are four values', () => {
    assert.deepStrictEqual(Array.from(values).sort(), [
        '*/*',
        'image/avif,image/webp,*/*',
        'image/jxl,image/avif,image/webp,*/*',
        'image/webp,*/*',
    ]);
});

for (const { client, rule, accept, value } of rows) {
    test(`${client || rule}: ${value}`, () => {
        assert.strictEqual(handler(eventWith(accept)).headers.accept.value, value);
    });
}

test('each value stays as it is when it comes in', () => {
    for (const value of values) {
        assert.strictEqual(handler(eventWith(value)).headers.accept.value, value);
    }
});

test('8 KB are searched to the end, and are no reason to fail', () => {
    const garbage = '\u0000\u00ff;,/*q='.repeat(1024);
    assert.strictEqual(garbage.length, 8 * 1024);
    assert.strictEqual(handler(eventWith(garbage)).headers.accept.value, '*/*');
    assert.strictEqual(handler(eventWith(garbage + 'image/webp')).headers.accept.value, 'image/webp,*/*');
    assert.strictEqual(handler(eventWith('image/'.repeat(1400))).headers.accept.value, '*/*');
});

test('8 KB take far less than the millisecond that a function may take', () => {
    const headers = ['image/'.repeat(1365), 'image/web'.repeat(910), 'x'.repeat(8192)];
    const runs = 999;
    const began = process.hrtime.bigint();
    for (let i = 0; i < runs; i++) {
        handler(eventWith(headers[i % headers.length]));
    }
    const each = Number(process.hrtime.bigint() - began) / runs / 1e6;
    assert.ok(each < 0.5, `${each} ms`);
});
