// What is said on the wire, as the sources hold it: the tables of proto/messages.c, and the sections of proto/PROTOCOL.md.

// The two tables of proto/messages.c: {requests: [{name, members, reply}], pushes: [{name, members, scope}]}; members and reply are
// [{name, optional}], or null where the table says "*": anything.
export function messageTable(files) {
  const text = (files['proto/messages.c'] ?? '').replace(/"\s*\n\s*"/g, '');
  const literals = new Map([...(files['proto/messages.h'] ?? '').matchAll(/#define (PUSH_\w+) "(\w+)"/g)].map(([, id, name]) => [id, name]));
  const list = (words) =>
    words === '*' ? null : words.split(' ').filter(Boolean).map((word) => ({ name: word.replace('?', ''), optional: word.endsWith('?') }));
  const requests = [...text.matchAll(/\[MSG_(?!UNKNOWN)\w+\]\s*=\s*\{\s*"(\w+)",\s*"([^"]*)",\s*"([^"]*)"\}/g)];
  const pushes = [...text.matchAll(/\{\s*(PUSH_\w+),\s*"([^"]*)",\s*MESSAGE_(\w+)\}/g)];
  return {
    requests: requests.map(([, name, members, reply]) => ({ name, members: list(members), reply: list(reply) })),
    pushes: pushes.map(([, id, members, scope]) => ({ name: literals.get(id), members: list(members), scope: scope.toLowerCase() })),
  };
}

// The sections of PROTOCOL.md about one message each, from both chapters: {requests: {name: section}, pushes: {name: section}}.
// A section is {text, data: {member: {type, what}}, reply: the same, examples: [frame]}.
export function sections(files) {
  const chapter = (title) => (files['proto/PROTOCOL.md'] ?? '').split(`\n## ${title}\n`)[1]?.split('\n## ')[0] ?? '';
  const read = (title) =>
    Object.fromEntries(chapter(title).split('\n### ').slice(1).map((text) => [text.match(/^\w+/)[0], section(text)]));
  return { requests: read('What a client sends'), pushes: read('What the server pushes') };
}

function section(all) {
  const [, text] = all.match(/^[^\n]*\n\n([^]*?)(?=\n\n\||\n\n```|\nErrors: |$)/) ?? [, ''];
  const [, json = ''] = all.match(/\n```json\n([^]*?)\n```/) ?? [];
  return {
    text: plain(text),
    data: members(all, 'data'),
    reply: members(all, 'reply'),
    examples: json.split(/\n(?=\{)/).filter(Boolean).map((frame) => JSON.parse(frame)),
  };
}

function members(all, head) {
  const [, rows = ''] = all.match(new RegExp(`\n\\| ${head} \\| type \\| \\|\n\\|[-|]+\\|\n((?:\\|.*\n?)+)`)) ?? [];
  const row = /^\| `(\w+)` \| (.*?) \| ?(.*?) ?\|$/gm;
  return Object.fromEntries([...rows.matchAll(row)].map(([, name, type, what]) => [name, { type, what: plain(what) }]));
}

// Links to their texts, lines to one.
const plain = (text) => text.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').replace(/\s*\n\s*/g, ' ').trim();
