import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/** What comes of connections that asked for a path. */
type Mode = "through" | "cut" | "mute";

/** A way to the server that can be cut for some of its connections: as a network does it, below HTTP. */
export interface Proxy {
  url: string;
  /** `cut` breaks the connections there are and refuses others; `mute` leaves them open and passes nothing on. */
  set: (mode: Mode) => void;
  /** Connections that came for the path so far. */
  readonly count: number;
  stop: () => Promise<void>;
}

/** Passes on to `target`; connections whose first request is for a path that starts with `prefix` obey the mode. */
export async function startProxy(target: string, prefix: string): Promise<Proxy> {
  const { hostname, port } = new URL(target);
  const all = new Set<Socket>();
  const watched = new Set<[Socket, Socket]>();
  let mode: Mode = "through";
  let count = 0;
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    const pair: [Socket, Socket] = [client, upstream];
    const end = () => {
      watched.delete(pair);
      for (const one of pair) {
        one.destroy();
        all.delete(one);
      }
    };
    for (const one of pair) {
      all.add(one);
      one.on("error", end);
      one.on("close", end);
    }
    const isMute = () => mode === "mute" && watched.has(pair);
    client.once("data", (head) => {
      if (head.toString("latin1", 0, prefix.length + 4) !== `GET ${prefix}`) return;
      count += 1;
      watched.add(pair);
      if (mode === "cut") end();
    });
    client.on("data", (data) => !isMute() && upstream.write(data));
    upstream.on("data", (data) => !isMute() && client.write(data));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    set(next) {
      mode = next;
      if (mode === "cut") for (const [client] of watched) client.resetAndDestroy();
    },
    get count() {
      return count;
    },
    async stop() {
      for (const socket of all) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
