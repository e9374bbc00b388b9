import { must } from "@koi/client";
import { Button, Modal } from "antd";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { koi } from "../lib/koi";
import { useTexts } from "../lib/texts";
import { Facts, ProblemNote } from "./basics";
import { Waiting } from "./Guard";

/** Where a claimed prize is to be sent; read only when somebody asks for it. */
export function Address({ award, prize }: { award: string; prize: string }) {
  const { t } = useTexts();
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <Button size="small" onClick={() => setOpen(true)}>
        {t("award.address")}
      </Button>
      <Modal open={isOpen} title={prize} onCancel={() => setOpen(false)} footer={<Button onClick={() => setOpen(false)}>{t("common.close")}</Button>} destroyOnHidden>
        <Shown award={award} />
      </Modal>
    </>
  );
}

function Shown({ award }: { award: string }) {
  const { word } = useTexts();
  // Personal: neither kept for the next look nor shown from before.
  const found = useQuery({ queryKey: ["award", award, "address"], queryFn: ({ signal }) => must(koi.GET("/api/v1/awards/{id}/address", { params: { path: { id: award } }, signal })), gcTime: 0, staleTime: 0 });
  if (found.error) return <ProblemNote error={found.error} />;
  if (!found.data) return <Waiting />;
  const rows = Object.entries(found.data.address).filter((row): row is [string, string] => typeof row[1] === "string" && row[1] !== "");
  return <Facts facts={rows.map(([name, value]): [string, string] => [word("address", name), value])} />;
}
