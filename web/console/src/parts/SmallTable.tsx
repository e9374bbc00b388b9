import { Table, type TableProps } from "antd";
import { useScrollable } from "./ServerTable";

/** A table of what is here already: no pages, and its frame scrolls by keyboard too. */
export function SmallTable<Row extends object>({ label, ...rest }: TableProps<Row> & { label: string }) {
  const frame = useScrollable(label, rest.dataSource);
  return (
    <div ref={frame}>
      <Table<Row> size="small" pagination={false} scroll={{ x: "max-content" }} {...rest} />
    </div>
  );
}
