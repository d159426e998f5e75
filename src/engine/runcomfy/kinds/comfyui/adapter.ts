import { isJsonObject } from "../../../job/json.ts";
import type { Adapter } from "../../adapter.ts";
import { readCancelRequest, readResultReport, readStatusReport } from "../../wire.ts";
import { LORA_ADAPTER } from "../lora/adapter.ts";
import { findWorkflowAssets } from "./assets.ts";

/** Deployments of ComfyUI workflows: those of LoRAs, but for what comes of a run. */
export const COMFYUI_ADAPTER: Adapter = {
  ...LORA_ADAPTER,
  readResult(body) {
    if (!isJsonObject(body)) return null;
    // Where all nodes were cached, nothing comes of a run that succeeded.
    const none = readStatusReport(body)?.state === "succeeded" ? {} : null;
    return readResultReport({ ...body, output: body["outputs"] ?? none });
  },
  readCancel: readCancelRequest,
  findAssets: findWorkflowAssets,
};
