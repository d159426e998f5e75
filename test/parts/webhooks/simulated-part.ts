import { createMessages } from "../../../src/parts/webhooks/message.ts";
import { WebhookSender } from "../../../src/parts/webhooks/sender.ts";
import { createWebhookStore } from "../../../src/parts/webhooks/webhook-store.ts";
import { chanceOf } from "../../simulation/chance.ts";
import type { Errand } from "../../simulation/plan.ts";
import type { SimulatedPart } from "../../simulation/simulated-part.ts";
import { Receivers } from "./simulated-receivers.ts";
import { withUrl } from "./stored-webhooks.ts";

/** Each owner has a webhook, and some errands a URL that is called for their job alone. */
export const simulated: SimulatedPart = {
  name: "webhooks",
  share: 0.25,
  keepsOutputs: true,
  open({ plan, world, ownerIds, read }) {
    const receivers = new Receivers(world);
    const rows = ownerIds.map(
      (ownerId, index) =>
        `('whk_${index}', '${ownerId}', 'https://receiver-${index}.invalid/', 'whsec_eA==', 0)`,
    );

    function urlOf({ owner, mark }: Errand): string | null {
      const hasOwn = chanceOf(plan.seed, mark).fork("webhook").happens(0.3);
      return hasOwn ? `https://jobs-${owner}.invalid/${mark}` : null;
    }
    const urls = new Map(plan.errands.map((errand) => [errand.mark, urlOf(errand)]));

    return {
      given: `insert into webhooks (id, owner_id, url, secret, created_at) values ${rows.join()}`,
      start({ process, store, log }) {
        const { claims } = createWebhookStore(store);
        const toMessages = createMessages({ store, urls: { create: () => "" } });
        return new WebhookSender({ claims, toMessages, post: receivers.connect(process), log });
      },
      toWrite(errand) {
        const url = urlOf(errand);
        return url === null ? null : withUrl(url).alsoWrite;
      },
      /** Ends that no receiver got. */
      findMissing() {
        const ended = read(
          `select jobs.id, status, json_extract(input, '$.mark') as mark, webhooks.url,
              exists (select 1 from kept_files where kept_files.job_id = jobs.id) as has_files
            from jobs join job_documents on job_documents.job_id = jobs.id
              join webhooks on webhooks.owner_id = jobs.owner_id
            where finished_at is not null and secret is not null`,
        );
        return ended.flatMap(({ id, status, mark, url, has_files: hasFiles }) =>
          [url, urls.get(Number(mark)) ?? null]
            .filter((one) => one !== null)
            .flatMap((one) =>
              [String(status).toLowerCase(), ...(hasFiles === 1 ? ["kept"] : [])]
                .filter((end) => !receivers.delivered.has(`${one} job.${end} ${String(id)}`))
                .map((end) => `${one} never got that ${String(id)} is ${end}.`),
            ),
        );
      },
      broken: receivers.broken,
    };
  },
};
