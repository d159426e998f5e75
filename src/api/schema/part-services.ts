/** The services of the parts that are on, each an object of a class of its own. */
export class PartServices {
  readonly #services: object[] = [];

  add(service: object): void {
    this.#services.push(service);
  }

  /** Throws where the part is off, whose fields the schema does not have then. */
  find<Service>(type: abstract new (...given: never) => Service): Service {
    for (const service of this.#services) if (service instanceof type) return service;
    throw new Error(`No part that is on has a ${type.name}.`);
  }
}
