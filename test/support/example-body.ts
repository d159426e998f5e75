/** The body of the vendor's page, as the upstream takes it. */
export const EXAMPLE_BODY = {
  prompt: "Make the scene feel warmer and more cinematic. Add a subtle orange glow.",
  ctrl_img_1:
    "https://playgrounds-storage-public.runcomfy.net/tools/7063/media-files/usecase1-1-input.webp",
  width: 1024,
  height: 1024,
  guidance_scale: 4,
  sample_steps: 25,
  network_multiplier: 1.0,
  neg: "",
  seed: 42,
  sampler: "flowmatch",
  num_frames: 1,
  fps: 1,
};
