import { Problem, must, type KoiClient, type Schema } from "@koi/client";

/** A big win as everybody sees it: who won is masked. */
export interface BigWin {
  campaign_id: string;
  shopper: string;
  prize: Schema<"Prize">;
  at: string;
}

export type ExchangeItem = Schema<"ExchangeItem">;

type Untyped = (path: string, init?: unknown) => Promise<{ data?: unknown }>;

/** A page may ask for what the server it runs on does not have: then there is nothing of it. */
async function orNone<T>(answer: Promise<{ data?: unknown }>, none: T): Promise<T> {
  try {
    return (await must(answer)) as T;
  } catch (thrown) {
    const problem = Problem.from(thrown);
    if (problem.status === 404 || problem.isTransient) return none;
    throw problem;
  }
}

export async function bigWins(client: KoiClient, campaign: string): Promise<BigWin[]> {
  const get = client.GET as unknown as Untyped;
  const answer = await orNone<{ data: BigWin[] }>(get("/api/v1/campaigns/{id}/big-wins", { params: { path: { id: campaign } } }), { data: [] });
  return answer.data;
}

/** A shopper's sign-ins, in local days of the campaign. */
export interface SignIns {
  today: string;
  /** `YYYY-MM-DD`. */
  days: string[];
}

export async function signIns(client: KoiClient, campaign: string): Promise<SignIns | undefined> {
  const get = client.GET as unknown as Untyped;
  return orNone<SignIns | undefined>(get("/api/v1/campaigns/{id}/sign-ins", { params: { path: { id: campaign } } }), undefined);
}

export async function exchangeItems(client: KoiClient): Promise<ExchangeItem[]> {
  const { data } = await must(client.GET("/api/v1/exchange/items", { params: { query: { limit: 50 } } }));
  return data.filter((item) => item.state === "active");
}

export async function buyItem(client: KoiClient, id: string, key: string): Promise<void> {
  await must(client.POST("/api/v1/exchange/items/{id}/orders", { params: { path: { id }, header: { "Idempotency-Key": key } }, body: { quantity: 1 } }));
}
