// A TCP load balancer as they come: it asks every server whether it is ready, and sends new connections to one that is.
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

export interface Balancer {
  url: string;
  /** The servers, by their URLs. */
  servers: Set<string>;
  close(): void;
}

const checkIntervalMs = 100;

export async function startBalancer(): Promise<Balancer> {
  const servers = new Set<string>();
  const ready = new Set<string>();
  const sockets = new Set<Socket>();
  let turn = 0;
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const candidates = [...ready];
    const { hostname, port } = new URL(candidates[turn++ % candidates.length] ?? "http://127.0.0.1:1");
    const upstream = connect({ host: hostname, port: Number(port), allowHalfOpen: true, noDelay: true });
    for (const [side, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(side);
      side.on("error", () => other.destroy());
      side.on("close", () => {
        sockets.delete(side);
        other.destroySoon();
      });
      side.pipe(other);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  let isOpen = true;
  const check = async () => {
    while (isOpen) {
      for (const url of [...servers, ...ready]) {
        const answer = servers.has(url) ? await fetch(`${url}/readyz`).catch(() => undefined) : undefined;
        if (answer?.status === 200) ready.add(url);
        else ready.delete(url);
      }
      await sleep(checkIntervalMs);
    }
  };
  void check();
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    servers,
    close() {
      isOpen = false;
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
