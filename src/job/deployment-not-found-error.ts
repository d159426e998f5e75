/** Neither the catalogue nor the upstream knows a deployment of this id. */
export class DeploymentNotFoundError extends Error {
  override readonly name = "DeploymentNotFoundError";
  readonly deploymentId: string;

  constructor(deploymentId: string, options?: ErrorOptions) {
    super(
      `There is no deployment ${JSON.stringify(deploymentId.slice(0, 128))}. Take an id from the \`deployments\` query or from RunComfy's dashboard.`,
      options,
    );
    this.deploymentId = deploymentId;
  }
}
