import { Button, Card, Form, Input } from "antd";
import { SearchOutlined } from "@ant-design/icons";
import { useNavigate } from "react-router";
import { useTexts } from "../../lib/texts";
import { Head } from "../../parts/basics";

/** Leads to one shopper by the shop's own id. */
export function Shoppers() {
  const { t } = useTexts();
  const go = useNavigate();
  return (
    <>
      <Head title={t("nav.shoppers")} note={t("shopper.find_note")} />
      <Card style={{ maxWidth: 640 }}>
        <Form layout="inline" onFinish={({ id }: { id: string }) => void go(`/shoppers/${encodeURIComponent(id.trim())}`)} style={{ rowGap: 8 }}>
          <Form.Item name="id" label={t("shopper.external_id")} rules={[{ required: true, message: t("common.required") }]} style={{ flex: 1, minWidth: 240 }}>
            <Input />
          </Form.Item>
          <Button type="primary" htmlType="submit" icon={<SearchOutlined />}>
            {t("shopper.find")}
          </Button>
        </Form>
      </Card>
    </>
  );
}
