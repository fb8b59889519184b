// Names and ports in deploy/ agree with each other, with the settings, and with what ./mg installs.
import { settings } from './tables.mjs';

const all = (text, pattern) => [...(text ?? '').matchAll(pattern)];
const first = (text, pattern) => (text ?? '').match(pattern)?.[1];

// The default of PORT in the settings' table: the row {.name = "PORT", ... .preset = "3030"} or one with the same strings.
function presetOf(files, name) {
  const text = Object.entries(files)
    .filter(([path]) => /^gateway\/settings\w*\.c$/.test(path))
    .map(([, source]) => source)
    .join('\n');
  const row = first(text, new RegExp(`"${name}"([\\s\\S]*?)\\}`));
  return first(row, /"(\d+)"/);
}

function* ports(files) {
  const script = files['deploy/cluster.sh'];
  const proxy = files['deploy/haproxy.cfg'];
  const compose = files['deploy/compose.yml'];
  const port = presetOf(files, 'PORT');
  const players = {
    'deploy/cluster.sh, PORT': first(script, /\$\{PORT:-(\d+)\}/),
    'deploy/haproxy.cfg, MATCHGATE_LISTEN': first(proxy, /MATCHGATE_LISTEN-:(\d+)/),
    'deploy/compose.yml, haproxy': first(compose, /MATCHGATE_LISTEN: ":(\d+)"/),
    'deploy/compose.yml, ports': first(compose, /- "\d+:(\d+)"/),
    'deploy/compose.yml, PORT': first(compose, /^\s+PORT: (\d+)$/m),
    'deploy/Dockerfile, EXPOSE': first(files['deploy/Dockerfile'], /^EXPOSE (\d+)$/m),
    'mg, run': first(files.mg, /\$\{PORT:-(\d+)\}/),
  };
  if (!port) yield 'the default of PORT was not found in gateway/settings.c: the check reads it wrongly';
  for (const [where, found] of Object.entries(players))
    if (found !== port) yield `${where} says ${found}, the setting PORT says ${port}`;
  const started = first(script, /GATEWAY_PORTS:-([\d ]+)\}/);
  const balanced = all(proxy, /GATEWAY_\d-127\.0\.0\.1:(\d+)/g).map(([, p]) => p).join(' ');
  if (!started || started !== balanced) yield `cluster.sh starts gateways on ${started}, haproxy.cfg expects ${balanced}`;
}

function* containers(files) {
  const compose = files['deploy/compose.yml'];
  const services = all(compose, /^ {2}(\w+): ?(?:\*gateway)?$/gm).map(([, name]) => name);
  const named = all(files['deploy/haproxy.cfg'], /"\$\{(GATEWAY_\d)/g).map(([, name]) => name);
  const port = first(compose, /^\s+PORT: (\d+)$/m);
  if (named.length === 0) yield 'no server was found in haproxy.cfg: the check reads it wrongly';
  for (const name of named) {
    const target = first(compose, new RegExp(`${name}: (\\S+)`));
    const [host, at] = (target ?? '').split(':');
    if (!services.includes(host)) yield `compose.yml: ${name} is ${target}, which is no service`;
    else if (at !== port) yield `compose.yml: ${name} is ${target}, the gateways listen on ${port}`;
  }
  const gateways = services.filter((name) => name.startsWith('gateway'));
  if (gateways.length !== named.length) yield `compose.yml has ${gateways.length} gateways, haproxy.cfg ${named.length}`;
  const redis = first(compose, /REDIS_URL: redis:\/\/([\w:]+)/);
  const redisPort = first(compose, /redis-server .*--port (\d+)/);
  if (redis !== `redis:${redisPort}`) yield `compose.yml: REDIS_URL names ${redis}, redis listens on ${redisPort}`;
}

// Every variable that is set for a gateway is a setting.
function* variables(files) {
  const known = new Set(settings(files));
  const block = first(files['deploy/compose.yml'], /&settings\n((?: {4}\w+: .*\n)+)/);
  const used = {
    'deploy/compose.yml': all(block, /^ {4}(\w+):/gm),
    'deploy/cluster.sh': all(first(files['deploy/cluster.sh'], /start "gateway\$n" env (.*)/), /\b([A-Z_]+)=/g),
    mg: all(first(files.mg, /-- env (.*) \\/), /\b([A-Z_]+)=/g),
  };
  for (const [path, found] of Object.entries(used)) {
    if (found.length === 0) yield `${path}: no variable was found: the check reads it wrongly`;
    for (const [, name] of found) if (!known.has(name)) yield `${path} sets ${name}, which is no setting`;
  }
}

function* packages(files) {
  const installed = first(files.mg, /BUILD_PACKAGES=\(([^)]*)\)/)?.split(/\s+/) ?? [];
  const inImage = first(files['deploy/Dockerfile'], /install -y --no-install-recommends \\\n([\s\S]*?)&&/) ?? '';
  const wanted = inImage.split(/[\s\\]+/).filter(Boolean);
  for (const name of wanted) if (!installed.includes(name)) yield `the Dockerfile installs ${name}, ./mg does not`;
  for (const name of installed) if (!wanted.includes(name)) yield `./mg installs ${name}, the Dockerfile does not`;
}

function* redis(files) {
  const conf = files['deploy/redis.conf'];
  for (const line of [/^maxmemory-policy noeviction$/m, /^appendonly yes$/m, /^appendfsync everysec$/m, /^maxmemory \d+/m])
    if (!line.test(conf ?? '')) yield `deploy/redis.conf lacks ${line.source}`;
  if (!/option httpchk GET \/health\/ready/.test(files['deploy/haproxy.cfg'])) yield 'haproxy.cfg does not probe /health/ready';
}

const drain = (files) => Number(presetOf(files, 'DRAIN_MS'));
function* stopTimes(files) {
  const given = {
    'deploy/compose.yml, stop_grace_period': first(files['deploy/compose.yml'], /stop_grace_period: (\d+)s/),
    'deploy/matchgate.service, TimeoutStopSec': first(files['deploy/matchgate.service'], /TimeoutStopSec=(\d+)s/),
  };
  for (const [where, seconds] of Object.entries(given))
    if (!(Number(seconds) * 1000 > drain(files))) yield `${where} (${seconds} s) is not longer than DRAIN_MS (${drain(files)} ms)`;
}

export function agreement(files) {
  return [ports, containers, variables, packages, redis, stopTimes].flatMap((check) => [...check(files)]);
}
