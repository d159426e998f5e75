export const MIGRATIONS = {
  money: ["5eb3358c5a4a7e3bf722c698d784979a0e8031cd4ae4ac16368cf414db9e67cf"],
};

export const TRIGGERS = {
  money_job_ends: "e2f478627725194190b9131705624b059d74b6c61867def147a5233c1ee85bbd",
  money_job_unsent: "5c568ef6f747feb1d811f27ac9b305c60b9237af9b44bf2a06bd56ac8685a1d4",
  money_job_withdrawn: "fb87b34a1b3d7b6fc325ad2feacf93d923ece4cd302d5f04d1842e7c3fc3dc6b",
  money_job_deleted: "e0ec9ca1a3a50aa2509ab5fc391668fd1f9087cd1ea2375aa78099d1604d2a29",
  money_late_cost: "b1e9ef2235dbba14470dea41e057873e20a3fd9867a0e4c683aaa6861e86ebf3",
};
