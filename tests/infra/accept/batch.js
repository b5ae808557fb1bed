// Answers headers by the line: the first line of standard input is a list of sources, each further line an `Accept`
// (null for none); the answer is a line with what each source makes of it.

'use strict';

const readline = require('node:readline');
const { load, eventWith } = require('./load.js');

let handlers;
readline.createInterface({ input: process.stdin }).on('line', (line) => {
    const given = JSON.parse(line);
    if (handlers === undefined) {
        handlers = given.map(load);
        return;
    }
    const values = handlers.map((handler) => handler(eventWith(given)).headers.accept.value);
    process.stdout.write(JSON.stringify(values) + '\n');
});
