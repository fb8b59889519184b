// Medians of runs, and tables of them.

// The value at 'a.b.c'.
export const at = (object, path) => path.split('.').reduce((value, key) => value?.[key], object);

export function median(values) {
  const sorted = values.filter((value) => typeof value === 'number').sort((a, b) => a - b);
  if (!sorted.length) return undefined;
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

// Of several results of one shape, an object of the same shape with `fn` of each number; texts are the first one's. What only some of
// them know (instructions: the last) counts where it is.
function each(results, fn) {
  const out = {};
  for (const key of new Set(results.flatMap((result) => Object.keys(result)))) {
    const all = results.map((result) => result[key]).filter((value) => value !== undefined);
    if (all.length) out[key] = typeof all[0] === 'number' ? fn(all) : typeof all[0] === 'object' ? each(all, fn) : all[0];
  }
  return out;
}

export const medians = (results) => each(results, median);
export const extremes = (results) => each(results, (all) => [Math.min(...all), Math.max(...all)]);

function figure(value, digits) {
  if (typeof value !== 'number') return '';
  const [whole, part] = value.toFixed(digits).split('.');
  return whole.replace(/\B(?=(\d{3})+$)/g, ',') + (part ? `.${part}` : '');
}

// columns: [title, path, digits, 'least'?][]; rows: {name, median, extremes}[]; 'least' is the least of all runs, not the median. Markdown
// that reads well as plain text too.
export function table(columns, rows) {
  const cells = [['', ...columns.map(([title]) => title)]];
  const value = (row, path, of) => (of === 'least' ? at(row.extremes, path)?.[0] : at(row.median, path));
  for (const row of rows) cells.push([row.name, ...columns.map(([, path, digits, of]) => figure(value(row, path, of), digits))]);
  const widths = cells[0].map((_, i) => Math.max(...cells.map((row) => row[i].length)));
  const line = (row) => `| ${row.map((cell, i) => (i ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))).join(' | ')} |`;
  const rule = `|${widths.map((width, i) => (i ? `${'-'.repeat(width + 1)}:` : '-'.repeat(width + 2))).join('|')}|`;
  return [line(cells[0]), rule, ...cells.slice(1).map(line)].join('\n');
}
