// The article's own code on Node with node-redis (https://redis.io/docs/latest/develop/clients/nodejs/): `cache-aside.js`
// and its source, an object in the process that takes as long as it is told to. It does what child.py does, line by line.
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "redis";

const TTL_SECONDS = 600; // the article's is 60; as for all peers here
const redis = createClient({ url: process.argv[2] });
await redis.connect();

const people = new Map();
let latency = 0;
let loads = 0;

async function dbGetUser(id) {
  if (latency) { loads += 1; await sleep(latency); }
  return people.get(id) ?? null;
}

async function dbPutUser(user) {
  if (latency) await sleep(latency);
  people.set(user.id, user);
  return user;
}

async function getUser(id) {
  const cached = await redis.get(`user:${id}`);
  if (cached) return JSON.parse(cached);
  const user = await dbGetUser(id);
  if (user) await redis.set(`user:${id}`, JSON.stringify(user), { EX: TTL_SECONDS });
  return user;
}

async function updateUser(user) {
  const saved = await dbPutUser(user);
  await redis.del(`user:${user.id}`);
  return saved;
}

async function getUsers(ids) { // the article has none; as it would be, with what node-redis has for it
  const found = await redis.mGet(ids.map((id) => `user:${id}`));
  return Promise.all(found.map((cached, i) => (cached ? JSON.parse(cached) : getUser(ids[i]))));
}

const update = (id, name) => updateUser({ ...people.get(id), name });
const insert = (id) => updateUser({ id, name: "Al", email: `${id}@example.com`, visits: 0 });
const one = { read: getUser, update, insert };

async function timed(work) {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
}

const work = {
  reads: (ids) => timed(async () => { for (const id of ids) await getUser(id); }),
  bulk: (ids, calls) => timed(async () => { for (let i = 0; i < calls; i++) await getUsers(ids); }),
  updates_and_reads: (names) => timed(async () => { for (const [id, name] of names) { await update(id, name); await getUser(id); } }),
  ops: (ops) => timed(async () => { for (const [name, ...rest] of ops) await one[name](...rest); }),
  latency: (seconds) => { latency = seconds * 1000; return null; },
  settle: () => 0,
  table: (rows) => timed(async () => {
    for (let id = 1; id <= rows; id++) people.set(id, { id, name: `Person ${id}`, email: `person.${id}@example.com`, visits: 0 });
  }),
  shows: async (id, name) => {
    await getUser(id);
    await update(id, name);
    return (await getUser(id)).name === name && (await getUsers([id]))[0].name === name;
  },
  stampede: async (id, readers, at) => {
    loads = 0;
    await sleep(Math.max(0, at * 1000 - Date.now()));
    await Promise.all(Array.from({ length: readers }, () => getUser(id)));
    return loads;
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const [what, ...args] = JSON.parse(line);
  console.log(JSON.stringify((await work[what](...args)) ?? null));
}
await redis.quit();
