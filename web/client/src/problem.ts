/** One finding of a publish check. */
export interface Finding {
  code: string;
  severity: string;
  detail: string;
  field?: string;
}

/** What a refused request is answered with (RFC 9457), or what stood in the way of an answer. */
export class Problem extends Error {
  override readonly name = "Problem";
  /** HTTP status; 0 where no answer came. */
  readonly status: number;
  /** Stable snake_case word: the server's, or `network` where no answer came and `bad_answer` where it made no sense. */
  readonly code: string;
  /** Which field of the input. */
  readonly field: string | undefined;
  readonly findings: readonly Finding[];
  readonly requestId: string | undefined;
  /** When the server asks to be tried again, in milliseconds from its answer. */
  readonly retryAfterMs: number | undefined;
  /** The whole document, for members that a single code adds (a line and column of a flow). */
  readonly body: Readonly<Record<string, unknown>>;

  constructor(init: { status: number; code: string; detail?: string; body?: Record<string, unknown>; retryAfterMs?: number }) {
    const body = init.body ?? {};
    super(init.detail ?? init.code);
    this.status = init.status;
    this.code = init.code;
    this.body = body;
    this.field = typeof body["field"] === "string" ? body["field"] : undefined;
    this.requestId = typeof body["request_id"] === "string" ? body["request_id"] : undefined;
    this.findings = Array.isArray(body["findings"]) ? (body["findings"] as Finding[]) : [];
    this.retryAfterMs = init.retryAfterMs;
  }

  /** Whether the same request, under the same key, may still succeed: nothing is known of its outcome, or it has to wait. */
  get isTransient(): boolean {
    return this.status === 0 || this.status >= 500 || this.code === "in_flight" || (this.status === 429 && this.code !== "limit_reached");
  }

  /** Reads the problem of an answer; `parsed` is its body where it was read already. */
  static async of(response: Response, parsed?: unknown): Promise<Problem> {
    const body = asRecord(parsed) ?? asRecord(await response.json().catch(() => undefined)) ?? {};
    const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
    return new Problem({
      status: response.status,
      code: typeof body["code"] === "string" ? body["code"] : "bad_answer",
      detail: typeof body["detail"] === "string" ? body["detail"] : `status ${response.status}`,
      body,
      ...(Number.isFinite(seconds) ? { retryAfterMs: seconds * 1000 } : {}),
    });
  }

  /** Whatever was thrown, as a problem: a failed fetch says nothing of what happened at the server. */
  static from(thrown: unknown): Problem {
    if (thrown instanceof Problem) return thrown;
    return new Problem({ status: 0, code: "network", detail: thrown instanceof Error ? thrown.message : String(thrown) });
  }
}

function asRecord(value: unknown): Record<string, unknown> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
}
