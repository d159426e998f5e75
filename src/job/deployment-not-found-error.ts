/** Neither the catalogue nor the upstream knows a deployment of this id. */
export class DeploymentNotFoundError extends Error {
  override readonly name = "DeploymentNotFoundError";
  readonly deploymentId: string;

  /** `nearMisses` may be empty. */
  constructor(
    deploymentId: string,
    {
      nearMisses = [],
      ...options
    }: ErrorOptions & { readonly nearMisses?: readonly string[] } = {},
  ) {
    const guess = nearMisses.length === 0 ? "" : ` Did you mean ${nearMisses.join(" or ")}?`;
    super(
      `There is no deployment ${JSON.stringify(deploymentId.slice(0, 128))}.${guess} Choose another one.`,
      options,
    );
    this.deploymentId = deploymentId;
  }
}
