import { useEffect, useState } from "react";
import type { Draw } from "../../draw/engine";
import { useWords } from "../language";
import { notice } from "./Notices";
import { copy } from "./copy";

/** A draw's receipt: what it was computed from, and whether its seed is the one that was committed to before. */
export function Receipt({ draw, seedHash }: { draw: Draw; seedHash?: string | undefined }) {
  const { t } = useWords();
  const receipt = draw.receipt as Record<string, unknown>;
  const seed = typeof receipt["draw_seed"] === "string" ? receipt["draw_seed"] : "";
  const hash = useSha256(seed);
  const text = JSON.stringify(draw, null, 2);
  return (
    <details className="receipt">
      <summary>{t.receipt.title}</summary>
      <p>{t.receipt.note}</p>
      <dl>
        <Row name={t.receipt.seed} value={seed} />
        <Row name={t.receipt.seedHash} value={seedHash ?? hash ?? "…"} />
        <Row name={t.receipt.client} value={String(receipt["client_seed"] ?? "")} />
        <Row name={t.receipt.pool} value={draw.pool} />
        <Row name={t.receipt.slot} value={String(receipt["slot"] ?? "")} />
      </dl>
      {seedHash && hash && <p className={hash === seedHash ? "verdict is-good" : "verdict is-bad"}>{hash === seedHash ? t.receipt.matches : t.receipt.differs}</p>}
      <div className="row">
        <button type="button" className="button is-small" onClick={() => void copy(text).then(() => notice(t.ways.copied))}>
          {t.receipt.copy}
        </button>
        <a className="button is-small is-quiet" download={`koi-draw-${draw.id}.json`} href={`data:application/json;charset=utf-8,${encodeURIComponent(text)}`}>
          {t.receipt.save}
        </a>
      </div>
    </details>
  );
}

function Row({ name, value }: { name: string; value: string }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>
        <code>{value}</code>
      </dd>
    </>
  );
}

/** SHA-256 of bytes in hex, in hex; undefined where the page may not compute one (no TLS). */
function useSha256(hex: string): string | undefined {
  const [hash, setHash] = useState<string>();
  useEffect(() => {
    let current = true;
    const bytes = Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
    void globalThis.crypto.subtle?.digest("SHA-256", bytes).then((digest) => {
      const text = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
      if (current) setHash(text);
    });
    return () => {
      current = false;
    };
  }, [hex]);
  return hash;
}
