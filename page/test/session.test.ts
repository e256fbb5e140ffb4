import assert from "node:assert/strict";
import { mock, test, type TestContext } from "node:test";
import { isToken, Session, usableStorage } from "../src/session.js";

const START = Date.parse("2026-11-22T03:41:07Z");
const HOUR = 3_600_000;

class MemoryStorage {
  readonly items = new Map<string, string>();
  getItem(key: string): string | null {
    return this.items.get(key) ?? null;
  }
  setItem(key: string, value: string): void {
    this.items.set(key, value);
  }
  removeItem(key: string): void {
    this.items.delete(key);
  }
}

function session(t: TestContext): { session: Session; storage: MemoryStorage; expired: () => number } {
  mock.timers.enable({ apis: ["setTimeout", "Date"], now: START });
  t.after(() => mock.timers.reset());
  const storage = new MemoryStorage();
  let count = 0;
  const made = new Session(storage as unknown as Storage, () => (count += 1));
  return { session: made, storage, expired: () => count };
}

test("keeps the token under one key", (t) => {
  const { session: made, storage } = session(t);
  made.keep("dbu_example");
  assert.deepEqual([...storage.items], [["doorbell.token", "dbu_example"]]);
  assert.equal(made.token, "dbu_example");
});

test("forgets everything", (t) => {
  const { session: made, storage } = session(t);
  made.keep("dbu_example", START + HOUR);
  made.keepPending({ state: "a", verifier: "b", hash: "#/" });
  made.forget();
  assert.equal(storage.items.size, 0);
});

test("a token ends when it expires", (t) => {
  const { session: made, expired } = session(t);
  made.keep("dbu_example", START + HOUR);
  mock.timers.tick(HOUR - 1);
  assert.deepEqual([made.token, expired()], ["dbu_example", 0]);
  mock.timers.tick(1);
  assert.deepEqual([made.token, expired()], [undefined, 1]);
});

test("a token without an end replaces one that expires", (t) => {
  const { session: made, expired } = session(t);
  made.keep("dbu_example", START + HOUR);
  made.keep("dbu_other");
  mock.timers.tick(2 * HOUR);
  assert.deepEqual([made.token, expired()], ["dbu_other", 0]);
});

test("a sign-in can be finished once", (t) => {
  const { session: made } = session(t);
  made.keepPending({ state: "a", verifier: "b", hash: "#/" });
  assert.deepEqual(made.takePending(), { state: "a", verifier: "b", hash: "#/" });
  assert.equal(made.takePending(), undefined);
});

test("a sign-in of another shape is none", (t) => {
  const { session: made, storage } = session(t);
  for (const text of ["{", "null", "[]", '{"state":1,"verifier":"b","hash":""}', '{"state":"a","verifier":"b"}']) {
    storage.setItem("doorbell.sign_in", text);
    assert.equal(made.takePending(), undefined, text);
  }
});

test("a token is what a header may carry", () => {
  assert.ok(isToken("dbu_example"));
  for (const text of ["", "a b", "a\nb", "ü", "a".repeat(8_193)]) assert.ok(!isToken(text), text.slice(0, 5));
});

test("blocked storage is not usable", () => {
  const storage = new MemoryStorage() as unknown as Storage;
  assert.equal(usableStorage(() => storage), storage);
  assert.equal(storage.getItem("doorbell.probe"), null);
  const blocked = (): never => {
    throw new DOMException("The operation is insecure.", "SecurityError");
  };
  assert.equal(usableStorage(blocked), undefined);
  assert.equal(usableStorage(() => null), undefined);
  class FullStorage extends MemoryStorage {
    override setItem = blocked;
  }
  assert.equal(usableStorage(() => new FullStorage() as unknown as Storage), undefined);
});
