// Reads Prometheus' text exposition (version 0.0.4), strictly: a line that does not fit throws.

const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"(?:,|$)/y;

// {types: {name: kind}, help: {name: text}, samples: [{name, labels, value}], value(name, labels?)}
export function parseMetrics(text) {
  const out = { types: {}, help: {}, samples: [] };
  if (text !== '' && !text.endsWith('\n')) throw new Error('the last line has no newline');
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const comment = line.match(/^# (HELP|TYPE) (\S+) (.*)$/);
    if (comment) out[comment[1] === 'HELP' ? 'help' : 'types'][comment[2]] = comment[3];
    else if (!line.startsWith('#')) out.samples.push(sample(line));
  }
  // The sum of all samples of that name whose labels include the given ones; undefined if there is none.
  out.value = (name, labels = {}) => {
    const found = out.samples.filter(
      (s) => s.name === name && Object.entries(labels).every(([k, v]) => s.labels[k] === v),
    );
    return found.length ? found.reduce((sum, s) => sum + s.value, 0) : undefined;
  };
  return out;
}

function sample(line) {
  const match = line.match(SAMPLE);
  if (!match) throw new Error(`not a sample: ${line}`);
  const value = match[3] === '+Inf' ? Infinity : match[3] === '-Inf' ? -Infinity : Number(match[3]);
  if (Number.isNaN(value) && match[3] !== 'NaN') throw new Error(`not a number: ${line}`);
  const labels = {};
  LABEL.lastIndex = 0;
  const text = match[2] ?? '';
  while (LABEL.lastIndex < text.length) {
    const label = LABEL.exec(text);
    if (!label) throw new Error(`bad labels: ${line}`);
    labels[label[1]] = label[2];
  }
  return { name: match[1], labels, value };
}
