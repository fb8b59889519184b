// proto/asyncapi.json: the WebSocket side for machines. Which messages there are, their members and what may be absent comes from
// the tables of proto/messages.c; types, sentences and examples from the sections of proto/PROTOCOL.md; what those call only
// "object" or "array" stands here. A member without a type stops it.
import { messageTable, sections } from './wire.mjs';

const ref = (path) => ({ $ref: `#/components/${path}` });
const string = { type: 'string' };
const integer = { type: 'integer' };
const object = (properties, required = Object.keys(properties)) => ({ type: 'object', properties, required });
const nullable = (schema) => ({ oneOf: [{ type: 'null' }, schema] });

// What a player says about himself.
const SETUP = { type: 'object', maxProperties: 64 };

// Of members whose type is said to be an object or an array: by message and member, else by member.
const NESTED = {
  'hello.resume': object(
    { session: string, token: string, rooms: { type: 'object', maxProperties: 4, additionalProperties: { oneOf: [integer, object({ epoch: integer, seq: integer })] } } },
    ['session', 'token'],
  ),
  addToQueue: { type: 'object' },
  setup: SETUP,
  limits: object({ messageMaxBytes: integer, messagesPerSecond: integer }),
  queue: nullable(object({ level: integer, ticketId: string })),
  rooms: { type: 'array', items: object({ roomId: string, ended: { const: true } }, ['roomId']) },
  players: { type: 'array', items: object({ id: string, setup: SETUP }, ['id']) },
  opponentSetup: { type: 'array', items: { type: 'object', required: ['playerId'] } },
  state: ref('schemas/roomRecord'),
};

const ROOM_RECORD = object({
  roomId: string,
  players: {
    type: 'array',
    items: object({ id: string, instanceId: nullable(string), socketId: nullable(string), state: {} }),
  },
  gameData: {},
  turn: integer,
  status: { enum: ['waiting', 'active'] },
  createdAt: integer,
  updatedAt: integer,
  version: integer,
  seq: integer,
  epoch: integer,
});

const SIMPLE = { string, integer, boolean: { type: 'boolean' }, 'any JSON': {}, 'integer or null': nullable(integer) };

function schemaOf(message, name, said) {
  if (!said) throw new Error(`proto/PROTOCOL.md says nothing of ${message}.${name}`);
  const type = said.type.replace(/, optional$/, '');
  const words = [...type.matchAll(/`?"(\w+)"`?/g)].map(([, word]) => word);
  const [, min, max] = type.match(/^integer, (-?\d+) to (?:`\w+` \()?(\d+)/) ?? [];
  const nested = /^(object|array)\b/.test(type) ? (NESTED[`${message}.${name}`] ?? NESTED[name]) : undefined;
  const base = words.length ? { type: 'string', enum: words } : (nested ?? SIMPLE[type] ?? (type.startsWith('integer,') ? integer : undefined));
  if (!base) throw new Error(`proto/PROTOCOL.md calls ${message}.${name} "${said.type}", and the generator does not know what that is`);
  if (base.$ref) return base;
  return { ...base, ...(min && !Number.isNaN(Number(min)) ? { minimum: Number(min) } : {}), ...(max && !type.includes('`') ? { maximum: Number(max) } : {}), ...(said.what ? { description: said.what } : {}) };
}

function dataOf(message, members, said) {
  if (!members) return {};
  const properties = Object.fromEntries(members.map(({ name }) => [name, schemaOf(message, name, said[name])]));
  const required = members.filter(({ optional }) => !optional).map(({ name }) => name);
  return required.length ? object(properties, required) : { type: 'object', properties };
}

const ID = ref('schemas/id');
const examplesOf = (frames) => (frames.length ? { examples: frames.map((payload) => ({ payload })) } : {});

function requestMessages({ name, members, reply }, section) {
  // As older clients send it: with addToQueue there may be no level.
  const relaxed = name === 'joinMatchmaking' ? members.map((m) => ({ ...m, optional: true })) : members;
  const data = dataOf(name, relaxed, section.data);
  const envelope = object({ event: { const: name }, id: ID, data }, ['event', ...(data.required ? ['data'] : [])]);
  const answer = object({ id: ID, ok: { const: true }, data: dataOf(name, reply, section.reply) });
  const those = (test) => section.examples.filter(test);
  return {
    [`${name}Request`]: { name, title: name, summary: section.text, payload: envelope, ...examplesOf(those(({ event }) => event)) },
    [`${name}Reply`]: { name: `${name} reply`, title: `Reply to ${name}`, payload: answer, ...examplesOf(those(({ ok }) => ok === true)) },
  };
}

function pushMessage({ name, members, scope }, section) {
  const properties = { event: { const: name }, data: dataOf(name, members, section.data) };
  if (scope !== 'plain' || name === 'error') Object.assign(properties, { room: string });
  if (scope === 'numbered' || name === 'error') Object.assign(properties, { seq: { ...integer, minimum: 1, description: "The event's number in its room, without gaps." } });
  properties.ts = { ...integer, description: "The server's clock, ms since 1970." };
  // A volatile gameMessage has no seq, the roomCleanup of a lost room neither seq nor, perhaps, room.
  const always = ['event', 'data', ...(scope !== 'plain' && name !== 'roomCleanup' ? ['room'] : []), ...(scope === 'numbered' && !['gameMessage', 'roomCleanup'].includes(name) ? ['seq'] : [])];
  return { [`${name}Push`]: { name, title: name, summary: section.text, payload: object(properties, always), ...examplesOf(section.examples) } };
}

const QUERY = {
  type: 'object',
  properties: {
    token: { ...string, description: 'The signed token that says who you are.' },
    playerId: { ...string, pattern: '^[A-Za-z0-9_.:-]{1,64}$', description: 'Who you are, where tokens are not required (development).' },
    hello: { const: '1', description: 'The server waits for a hello message and takes the identity from there.' },
  },
};

/** The text of proto/asyncapi.json. codes: the server's error codes. */
export function asyncapi(files, codes) {
  const table = messageTable(files);
  const said = sections(files);
  const part = (kind, name) => {
    if (!said[kind][name]) throw new Error(`proto/PROTOCOL.md has no section about ${name}`);
    return said[kind][name];
  };
  const refusals = Object.values(said.requests).flatMap(({ examples }) => examples.filter(({ ok }) => ok === false));
  const { members = [] } = table.pushes.find(({ name }) => name === 'error') ?? {};
  const error = dataOf('error', members, said.pushes.error?.data);
  error.properties.code = { ...error.properties.code, enum: codes };
  const messages = {
    ...Object.assign({}, ...table.requests.map((row) => requestMessages(row, part('requests', row.name)))),
    refusal: {
      name: 'refusal',
      title: 'A request was refused',
      payload: object({ id: ID, ok: { const: false }, error: ref('schemas/error') }),
      ...examplesOf(refusals),
    },
    ...Object.assign({}, ...table.pushes.map((row) => pushMessage(row, part('pushes', row.name)))),
  };
  if (messages.errorPush) messages.errorPush.payload.properties.data = ref('schemas/error');
  const channel = { $ref: '#/channels/ws' };
  const inChannel = (name) => ({ $ref: `#/channels/ws/messages/${name}` });
  const operations = Object.fromEntries(
    table.requests.map(({ name }) => [
      name,
      { action: 'receive', channel, messages: [inChannel(`${name}Request`)], reply: { channel, messages: [inChannel(`${name}Reply`), inChannel('refusal')] } },
    ]),
  );
  operations.push = { action: 'send', channel, messages: table.pushes.map(({ name }) => inChannel(`${name}Push`)) };
  const document = {
    asyncapi: '3.0.0',
    info: {
      title: 'matchgate',
      version: '1',
      description:
        'What game clients say to a gateway and hear from it; PROTOCOL.md tells the whole story. One JSON object per WebSocket text message. ' +
        'Members and pushes you do not know are to be ignored. Made by `node tests/check/documents.mjs`; do not edit.',
      license: { name: 'MIT' },
    },
    defaultContentType: 'application/json',
    servers: {
      development: { host: 'localhost:3030', protocol: 'ws' },
      production: { host: 'play.example.com', protocol: 'wss', description: 'Behind your load balancer and its TLS.' },
    },
    channels: {
      ws: {
        address: '/ws',
        description: 'The WebSocket; subprotocol matchgate.v1.json, or none.',
        messages: Object.fromEntries(Object.keys(messages).map((name) => [name, ref(`messages/${name}`)])),
        bindings: { ws: { method: 'GET', query: QUERY, bindingVersion: '0.1.0' } },
      },
    },
    operations,
    components: {
      messages,
      schemas: {
        id: { ...integer, minimum: 1, maximum: Number.MAX_SAFE_INTEGER, description: 'Chosen by the client, growing within a session; asks for a reply.' },
        error,
        roomRecord: ROOM_RECORD,
      },
    },
  };
  return `${print(document)}\n`;
}

// JSON with what fits on a line on one line.
function print(value, indent = '') {
  const short = JSON.stringify(value);
  if (short.length + indent.length <= 120 || typeof value !== 'object') return short;
  const inner = `${indent}  `;
  if (Array.isArray(value)) return `[\n${value.map((item) => inner + print(item, inner)).join(',\n')}\n${indent}]`;
  const entries = Object.entries(value).map(([key, item]) => `${inner}${JSON.stringify(key)}: ${print(item, inner)}`);
  return `{\n${entries.join(',\n')}\n${indent}}`;
}
