// Makes what `npm pack` ships, in dist/: the modules joined into one file without comments and indentation, as an ES module, as
// CommonJS and as a script that defines the global `matchgate`; and the types for the first two. `npm pack` runs it by itself.
//
// No bundler: between the modules there are only single-line imports and exports, so their text is joined as it stands and all
// top-level names must differ. What this cannot handle stops it; tests/e2e/sdk_package.test.mjs compares the outcome with the
// modules token by token.
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';

const MODULES = ['emitter', 'errors', 'line', 'room', 'ticket', 'client', 'index']; // in the order in which they need each other
const PUBLIC = ['connect', 'GatewayError'];

const here = (path) => new URL(path, import.meta.url);
const read = (path) => readFileSync(here(path), 'utf8');

const STRING = /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"/;
const TEMPLATE = /`(?:\\[^]|\$\{(?:[^{}]|\{[^{}]*\})*\}|[^`\\])*`/;
const REGEX = /(?<=[(,=:[!&|?{};]\s*|return\s+)\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n])+\/[a-z]*/;
const COMMENT = /\/\/[^\n]*|\/\*[^]*?\*\//;
const PIECES = new RegExp([STRING, TEMPLATE, REGEX, COMMENT].map(({ source }) => source).join('|'), 'g');

/** Without comments, indentation and empty lines; lines stay lines, so nothing changes its meaning. */
function stripped(source) {
  const text = source.replace(PIECES, (piece) => (/^\/[/*]/.test(piece) ? '' : piece));
  return text.replace(/[ \t]+$/gm, '').replace(/^\s+/gm, '');
}

function joined() {
  let all = '';
  for (const name of MODULES) {
    const text = stripped(read(`${name}.js`))
      .replace(/^import .* from '\.\/\w+\.js';\n/gm, '')
      .replace(/^export \{.*\} from '\.\/\w+\.js';\n/gm, '')
      .replace(/^export (?=(async function|function|class|const|let) )/gm, '');
    const left = text.match(/^(import|export)\b.*/m);
    if (left) throw new Error(`${name}.js cannot be joined with the others: ${left[0]}`);
    all += text;
  }
  new Function(all); // throws where two modules use one name
  return all;
}

const { version } = JSON.parse(read('package.json'));
const banner = `/* matchgate ${version}, MIT */\n`;
const code = joined();
const names = PUBLIC.join(', ');
rmSync(here('dist'), { recursive: true, force: true });
mkdirSync(here('dist'));
const write = (name, text) => writeFileSync(here(`dist/${name}`), text);
write('matchgate.js', `${banner}${code}export { ${names} };\n`);
write('matchgate.cjs', `${banner}'use strict';\n${code}module.exports = { ${names} };\n`);
write('matchgate.global.js', `${banner}var matchgate = (() => {\n'use strict';\n${code}return { ${names} };\n})();\n`);
write('none.js', 'export default undefined;\n'); // instead of `ws`, for bundlers that build for browsers
write('matchgate.d.ts', read('index.d.ts'));
write('matchgate.d.cts', read('index.d.ts'));
copyFileSync(here('../../../LICENSE'), here('LICENSE'));
