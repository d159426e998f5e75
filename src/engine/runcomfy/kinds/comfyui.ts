import { findWorkflowAssets } from "../../job/asset.ts";
import { isJsonObject } from "../../job/json.ts";
import type { Adapter } from "../adapter.ts";
import { readCancelRequest, readResultReport, readStatusReport } from "../wire.ts";
import { LORA } from "./lora.ts";

/** Deployments of ComfyUI workflows: those of LoRAs, but for what comes of a run. */
export const COMFYUI: Adapter = {
  ...LORA,
  readResult(body) {
    if (!isJsonObject(body)) return null;
    // Where all nodes were cached, nothing comes of a run that succeeded.
    const none = readStatusReport(body)?.state === "succeeded" ? {} : null;
    return readResultReport({ ...body, output: body["outputs"] ?? none });
  },
  readCancel: readCancelRequest,
  findAssets: findWorkflowAssets,
};
