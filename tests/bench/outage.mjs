// How long after an outage of Redis the gateways call themselves well again.
import { delay, now, waitFor } from '../lib/wait.mjs';
import { Resp } from '../lib/resp.mjs';
import { Stage, company } from './stage.mjs';

const AWAY_MS = { stopped: 5000, killed: 2000 };
const LIMIT_MS = 60000;

const well = async (gateway) => (await gateway.get('/health')).status === 200;

async function answering(redis) {
  const client = await Resp.connect(redis.port);
  try {
    return (await Promise.race([client.command('PING'), delay(200)])) === 'PONG';
  } finally {
    client.close();
  }
}

export async function outage(how) {
  const stage = await Stage.open({ gateways: 3, redis: { aof: how === 'killed' } });
  // Players who ping twice a second, so that the fleet is not empty.
  const players = company(stage, 'echo', { clients: 1000, rate: 2000, warm_ms: 0, run_ms: 3600000 });
  try {
    const connected = async () => (await stage.gateways[0].metrics()).value('matchgate_connections') > 300;
    await waitFor(connected, { what: 'the players', timeoutMs: LIMIT_MS });
    if (how === 'stopped') stage.redis.stop();
    else await stage.redis.kill();
    await delay(AWAY_MS[how]);
    const away = async () => !(await Promise.all(stage.gateways.map(well))).some(Boolean);
    await waitFor(away, { what: 'all instances to notice', timeoutMs: LIMIT_MS });
    if (how === 'stopped') stage.redis.cont();
    else await stage.redis.restart();
    await waitFor(() => answering(stage.redis), { what: 'Redis', timeoutMs: LIMIT_MS, stepMs: 1 });
    const since = now();
    const times = stage.gateways.map(async (gateway) => {
      await waitFor(() => well(gateway), { what: 'health', timeoutMs: LIMIT_MS, stepMs: 10 });
      return now() - since;
    });
    const all = (await Promise.all(times)).sort((a, b) => a - b);
    return { ok_ms: all[1], ok_max_ms: all[2] };
  } finally {
    players.kill('SIGKILL');
    await stage.close();
  }
}
