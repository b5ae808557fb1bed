// What a source uses that the runtime does not document (Amazon CloudFront Developer Guide, "JavaScript runtime 2.0
// features for CloudFront Functions"). Node runs far more than that runtime, so running there proves nothing.
// Stricter than the page: what our function has no need of (templates, regular expressions, async) is refused as well.

'use strict';

const TOKEN = new RegExp(
    [
        /(?<space>\s+|\/\/.*|\/\*[^]*?\*\/)/,
        /(?<string>'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")/,
        /(?<number>\d+(?:\.\d+)?)/,
        /(?<word>[A-Za-z_$][\w$]*)/,
        /(?<mark>\.\.\.|\?\.|\?\?=?|=>|[=!]==|[=!<>]=|&&=?|\|\|=?|\+\+|--|[-+*%]=?|[{}()[\];,<>!?:=.])/,
        /(?<other>[^])/,
    ].map((part) => part.source).join('|'),
    'g',
);
const WORDS = words('break catch const continue do else false finally for function if in let null return switch case ' +
    'default throw true try typeof undefined while');
const GLOBALS = words('Array JSON Math Object String isFinite isNaN parseInt');
const MEMBERS = words('accept headers multiValue request value length indexOf isArray');
const NEWER = words('... ?. ?? ??= &&= ||=');

function words(text) {
    return new Set(text.split(' '));
}

function tokens(source) {
    return Array.from(source.matchAll(TOKEN))
        .map((match) => Object.entries(match.groups).find(([, text]) => text !== undefined))
        .filter(([kind]) => kind !== 'space')
        .map(([kind, text]) => ({ kind, text }));
}

function undocumented(source) {
    const all = tokens(source);
    const bare = all.map((token) => (token.kind === 'string' ? "''" : token.text)).join(' ');
    const found = all.filter((token) => token.kind === 'other' || NEWER.has(token.text)).map((token) => token.text);
    const shapes = [/(?:const|let) [{[]/, /catch \{/, /function \w* ?\([^)]*[={[][^)]*\)/, /\{ \w+ [,}]/, /, \w+ \}/];
    for (const shape of shapes) {
        found.push(...(bare.match(shape) || []));
    }
    return found.concat(unknownNames(all, declared(bare)));
}

function declared(bare) {
    const names = Array.from(bare.matchAll(/(?:const|let|function|catch \() (\w+)/g), (match) => match[1]);
    for (const match of bare.matchAll(/function \w* ?\(([^)]*)\)/g)) {
        names.push(...match[1].split(',').map((name) => name.trim()));
    }
    return new Set(names);
}

function unknownNames(all, names) {
    return all.filter((token, at) => {
        if (token.kind !== 'word') {
            return false;
        }
        const isKey = at + 1 < all.length && all[at + 1].text === ':' && /^[{,]$/.test(all[at - 1].text);
        if (isKey || (at > 0 && all[at - 1].text === '.')) {
            return !MEMBERS.has(token.text);
        }
        return !(WORDS.has(token.text) || GLOBALS.has(token.text) || names.has(token.text));
    }).map((token) => token.text);
}

module.exports = { undocumented };
