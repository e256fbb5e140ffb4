// Prints the models of all online runtimes. With Node.js 22.18 or later, beside `doorbell dev`:
// npm ci --prefix clients/typescript && npm pack ./clients/typescript
// npm install ./doorbell-client-0.1.0.tgz && node examples/models.ts
import { DoorbellClient } from "doorbell-client";

const url = process.env["DOORBELL_URL"] ?? "http://127.0.0.1:3000";
const token = process.env["DOORBELL_TOKEN"] ?? "dbu_dev_a"; // the public token of `doorbell dev`
const client = new DoorbellClient({ url, token });
for await (const { id, name, status } of client.runtimes()) {
  if (status !== "online") continue;
  const { models = [] } = await client.models(id);
  console.log(name, models.map(({ label }) => label));
}
