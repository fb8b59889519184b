// Who this page is and where it connects to: the parameters of its address, and what a tab remembers over a reload.
const query = new URLSearchParams(location.search);

export const token = query.get('token') ?? undefined;
export const wantedLevel = /^[1-9]$/.test(query.get('level')) ? Number(query.get('level')) : 1;
export const wantedGame = query.get('game');

function inventName() {
  const pick = (words) => words[Math.floor(Math.random() * words.length)];
  const mood = pick(['brave', 'calm', 'clever', 'jolly', 'lucky', 'quick', 'quiet', 'sunny', 'swift', 'witty']);
  const animal = pick(['badger', 'falcon', 'fox', 'heron', 'lynx', 'marten', 'otter', 'owl', 'raven', 'seal']);
  return `${mood}-${animal}-${Math.floor(Math.random() * 900 + 100)}`;
}

// A tab may have no storage; then it forgets.
function remembered(key) {
  try {
    return sessionStorage.getItem(`matchgate.${key}`);
  } catch {
    return null;
  }
}

function remember(key, text) {
  try {
    sessionStorage.setItem(`matchgate.${key}`, text);
  } catch {
    // then not
  }
}

/** One name per tab, kept over a reload: so the seat is found again. fresh: a new one. */
export function ownName(fresh) {
  if (query.get('player') && !fresh) return query.get('player');
  const name = (!fresh && remembered('player')) || inventName();
  remember('player', name);
  return name;
}

/** The gateways, or the load balancer before them, that `?server=` names with commas between; else where the page came from. */
export function serverUrls() {
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
  const hosts = query.get('server')?.split(',') ?? [location.host];
  return hosts.map((host) => new URL(`${scheme}://${host}/ws`));
}

/** Is the page's own server one of those it plays on? Others may not be asked for their figures. */
export const servedFromHere = () => serverUrls().some(({ host }) => host === location.host);
