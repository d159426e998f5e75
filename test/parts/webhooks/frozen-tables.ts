export const MIGRATIONS = {
  webhooks: ["9bc26ec0c479e5d3305659ced1d537acdd702a924ddb6339e353a84665e0d085"],
};

export const TRIGGERS = {
  jobs_add_delivery: "11b23bad6f49967856920f1d02a3a20b1c9b20a4255bd47d863e43ab3c2a86cf",
  holds_add_delivery: "bd99b4a50626982528d15fd258236483dd92d9369b34e6de6c2bcc6872abe3a1",
  holds_add_late_delivery: "63c8ba77c7a799ac4862843592b41a75c39462b86427aee9a88708378eaff4bb",
  kept_files_add_delivery: "988291c987256b9b01b7f6e65499783ea7f57725738fbb13731da9ce4dd3afee",
};
