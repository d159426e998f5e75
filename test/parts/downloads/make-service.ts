import { Downloads } from "../../../src/parts/downloads/downloads.ts";
import { NO_FILES } from "../../support/no-files.ts";
import type { MakeService } from "../../support/part-services.ts";

export const makeService: MakeService = (given) => ({
  service: new Downloads({ ...given, files: NO_FILES }),
});
