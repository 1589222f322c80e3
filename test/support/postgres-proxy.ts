// A way to Postgres that a test can break: around a COMMIT, or by letting nothing through any more.
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { Client } from "pg";

/** The moment at which the connection breaks: before the server receives the COMMIT, or before the client receives its answer. */
export type Cut = "request" | "answer";

export interface PostgresProxy {
  /** The same database by way of this proxy. */
  through(databaseUrl: string): string;
  /** Asked at every COMMIT whether, and how, to break its connection. */
  onCommit(decide: () => Cut | undefined): void;
  /** Connections stay open, but nothing passes any more. */
  freeze(): void;
  /** The same for the connections that there are; new ones pass. */
  silence(): void;
  /** The same for the next connection on which a client sends this, which the server never hears. */
  silenceNext(text: string): void;
  /** How many connections were silenced. */
  silenced(): number;
  /** Connections break, and none is made any more. */
  cut(): void;
  /** Whatever was frozen or cut is over: connections that are there break, new ones are made. */
  heal(): void;
  close(): Promise<void>;
}

export async function startPostgresProxy(): Promise<PostgresProxy> {
  const sockets = new Set<Socket>();
  let target: { host: string; port: number } | undefined;
  let decide: () => Cut | undefined = () => undefined;
  let isFrozen = false;
  let wanted: string | undefined;
  let silenced = 0;
  const silences = new Set<() => void>();
  let isCut = false;

  const track = (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => {});
  };
  // Half-open as a server that hangs leaves its connections: a client that says goodbye gets no answer.
  const server = createServer({ allowHalfOpen: true }, (client) => {
    if (isCut) return void client.destroy();
    const upstream = connectTo(target);
    const destroy = () => {
      client.destroy();
      upstream.destroy();
    };
    let isAnswerLost = false;
    const isCommit = createCommitFinder();
    let isSilent = false;
    const silence = () => {
      isSilent = true;
      silenced++;
    };
    silences.add(silence);
    client.on("close", () => silences.delete(silence));
    for (const socket of [client, upstream]) {
      track(socket);
      socket.on("close", destroy);
    }
    client.on("end", () => {
      if (!isFrozen && !isSilent) upstream.end();
    });
    client.on("data", (chunk: Buffer) => {
      if (wanted !== undefined && chunk.includes(wanted)) {
        wanted = undefined;
        silence();
      }
      if (isSilent) return;
      const cut = isCommit(chunk) ? decide() : undefined;
      if (cut === "request") return destroy();
      isAnswerLost = cut === "answer";
      if (!isFrozen) upstream.write(chunk);
    });
    upstream.on("data", (chunk: Buffer) => {
      // The first of what follows a COMMIT is its answer: so it is done.
      if (isAnswerLost) return destroy();
      if (!isFrozen && !isSilent) client.write(chunk);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    through(databaseUrl) {
      const { host, port: targetPort, user = "", password, database = "" } = new Client(databaseUrl);
      target = { host, port: targetPort };
      const credentials = [user, password ?? ""].map(encodeURIComponent).join(":");
      return `postgres://${credentials}@127.0.0.1:${port}/${database}?sslmode=disable`;
    },
    onCommit(decider) {
      decide = decider;
    },
    freeze() {
      isFrozen = true;
    },
    silence() {
      for (const silence of silences) silence();
    },
    silenceNext(text) {
      wanted = text;
    },
    silenced: () => silenced,
    cut() {
      isCut = true;
      for (const socket of sockets) socket.destroy();
    },
    heal() {
      isFrozen = false;
      isCut = false;
      for (const socket of sockets) socket.destroy();
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

function connectTo(target: { host: string; port: number } | undefined): Socket {
  if (!target) throw new Error("the proxy knows no server yet");
  const { host, port } = target;
  return host.startsWith("/") ? connect(`${host}/.s.PGSQL.${port}`) : connect(port, host);
}

// The simple query, and the statements that commit by themselves.
const commits = [/^Q.{4}commit\0$/is, /^B.{4}\0(?:create_secrets(?:_once)?|append_versions)\0/s];

/** Says whether what a client has sent commits something; sees every byte of the connection. */
function createCommitFinder(): (chunk: Buffer) => boolean {
  let rest = Buffer.alloc(0);
  // The first message has no type.
  let typeSize = 0;
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    let found = false;
    while (rest.byteLength >= typeSize + 4) {
      const size = typeSize + rest.readInt32BE(typeSize);
      if (rest.byteLength < size) break;
      const message = rest.subarray(0, size);
      rest = rest.subarray(size);
      const text = message.toString("latin1");
      found ||= typeSize === 1 && commits.some((pattern) => pattern.test(text));
      typeSize = 1;
    }
    return found;
  };
}
