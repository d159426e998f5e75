import type { Part } from "../../session/part";
import { DownloadButton } from "./download-button";

export const part: Part = { SelectionButton: DownloadButton };
