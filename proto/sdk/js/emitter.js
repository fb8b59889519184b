// Events by name. A listener that throws neither stops the others nor harms its emitter: its error surfaces on its own.
export class Emitter {
  #listeners = new Map();

  /** Calls fn(...args) at every `event`; returns a function that ends this. */
  on(event, fn) {
    const set = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, set.add(fn));
    return () => this.off(event, fn);
  }

  off(event, fn) {
    this.#listeners.get(event)?.delete(fn);
    return this;
  }

  /** A promise of the next `event` (of its first argument) for which test(...args) holds. */
  once(event, test = () => true) {
    return new Promise((resolve) => {
      const off = this.on(event, (...args) => {
        if (!test(...args)) return;
        off();
        resolve(args[0]);
      });
    });
  }

  emit(event, ...args) {
    for (const fn of [...(this.#listeners.get(event) ?? [])]) {
      try {
        fn(...args);
      } catch (error) {
        setTimeout(() => {
          throw error;
        });
      }
    }
  }
}
