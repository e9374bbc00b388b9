import { Problem, must, type KoiClient, type Schema } from "@koi/client";

/** A big win as everybody sees it: who won is masked. */
export type BigWin = Schema<"BigWin">;
export type ExchangeItem = Schema<"ExchangeItem">;
/** A shopper's sign-ins, in local days of the campaign. */
export type SignIns = Schema<"SignIns">;

/** The page goes on without what decorates it: where the server cannot say it now, there is nothing of it. */
async function orNone<T>(answer: Promise<{ data?: T }>): Promise<T | undefined> {
  try {
    return await must(answer);
  } catch (thrown) {
    const problem = Problem.from(thrown);
    if (problem.status === 404 || problem.isTransient) return undefined;
    throw problem;
  }
}

export async function bigWins(client: KoiClient, campaign: string): Promise<BigWin[]> {
  const answer = await orNone(client.GET("/api/v1/campaigns/{id}/big-wins", { params: { path: { id: campaign } } }));
  return answer?.data ?? [];
}

export function signIns(client: KoiClient, campaign: string): Promise<SignIns | undefined> {
  return orNone(client.GET("/api/v1/campaigns/{id}/sign-ins", { params: { path: { id: campaign } } }));
}

export async function exchangeItems(client: KoiClient): Promise<ExchangeItem[]> {
  const { data } = await must(client.GET("/api/v1/exchange/items", { params: { query: { limit: 50 } } }));
  return data.filter((item) => item.state === "active");
}

export async function buyItem(client: KoiClient, id: string, key: string): Promise<void> {
  await must(client.POST("/api/v1/exchange/items/{id}/orders", { params: { path: { id }, header: { "Idempotency-Key": key } }, body: { quantity: 1 } }));
}
