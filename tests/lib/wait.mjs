// Waiting without sleeping: a condition that becomes true, or a deadline that says what did not.

export const now = () => Number(process.hrtime.bigint() / 1000000n);

export const delay = (ms) => new Promise((done) => setTimeout(done, ms));

// Calls `condition` (may be async) every `stepMs` until it returns something truthy, which is the result. After
// `timeoutMs` throws an error that carries `what` and the last value or error seen.
export async function waitFor(condition, { what = 'the condition', timeoutMs = 10000, stepMs = 20 } = {}) {
  const end = now() + timeoutMs;
  let last;
  for (;;) {
    try {
      last = await condition();
      if (last) return last;
    } catch (error) {
      last = error;
    }
    if (now() >= end) throw new Error(`waited ${timeoutMs} ms for ${what}; last seen: ${describe(last)}`);
    await delay(stepMs);
  }
}

// The same for a promise: its value, or an error after `timeoutMs`.
export function within(promise, timeoutMs, what) {
  let timer;
  const deadline = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${timeoutMs} ms for ${what}`)), timeoutMs);
  });
  return Promise.race([promise, deadline]).finally(() => clearTimeout(timer));
}

// Something must NOT happen: `condition` stays false for `ms`. Throws as soon as it is true.
export async function stays(condition, { what = 'the condition', ms = 500, stepMs = 20 } = {}) {
  const end = now() + ms;
  do {
    if (await condition()) throw new Error(`${what} happened, but must not`);
    await delay(stepMs);
  } while (now() < end);
}

function describe(value) {
  if (value instanceof Error) return value.message;
  const text = JSON.stringify(value);
  return text === undefined ? String(value) : text.slice(0, 500);
}
