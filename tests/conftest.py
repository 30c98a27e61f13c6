"""Its being here puts this folder on the path of imports, for the fakes that several folders of tests share."""
