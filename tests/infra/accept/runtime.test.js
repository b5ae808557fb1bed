'use strict';

const assert = require('node:assert');
const test = require('node:test');
const { SOURCE } = require('./load.js');
const { undocumented } = require('./documented.js');

test('the source uses only what the runtime documents', () => {
    assert.deepStrictEqual(undocumented(SOURCE), []);
});

test('the source is ASCII and within the 10 KB that CloudFront takes', () => {
    assert.match(SOURCE, /^[\n\x20-\x7e]*$/);
    assert.ok(SOURCE.length <= 10 * 1024, `${SOURCE.length} bytes`);
});

for (const source of [
    "import cf from 'cloudfront';",
    'export const a = 1;',
    'module.exports = 1;',
    "const a = require('crypto');",
    'console.log(1);',
    'const a = null; a?.value;',
    'const a = null ?? 1;',
    'let a = 1; a ||= 2;',
    'const a = []; for (const b of a) {}',
    'class A {}',
    'new Map();',
    'try { } catch { }',
    'const a = 1; const { value } = a;',
    'const [a] = [1];',
    'const a = [1]; const b = [...a];',
    'function f(a = 1) { return a; }',
    'const value = 1; const a = { value };',
    'const value = 1; const a = { length: 1, value };',
    "const a = ''; a.includes('b');",
    "const a = ''; a.replaceAll('b', 'c');",
    'const a = /x/;',
    'const a = `x`;',
    'const a = () => 1; setTimeout(a);',
    "eval('1');",
    'async function f() { }',
]) {
    test(`outside of what is documented or needed: ${source}`, () => {
        assert.notDeepStrictEqual(undocumented(source), []);
    });
}

for (const source of [
    'try { const a = 1; } catch (error) { throw error; } finally { }',
    "function f(a, b) { const c = { value: a, length: b }; return c.value.indexOf('x') !== -1 ? c : null; }",
]) {
    test(`documented: ${source}`, () => {
        assert.deepStrictEqual(undocumented(source), []);
    });
}
