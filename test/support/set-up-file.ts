import SchemaBuilder from "@pothos/core";

// One file loads the gateway anew, plugins of the schema included, and Pothos itself stays.
SchemaBuilder.allowPluginReRegistration = true;
