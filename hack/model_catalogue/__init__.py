"""The shipped catalogue: from two tables of facts to the files of charts/ome-catalogue.

`models.csv` has a line for each model, `runtimes.yaml` a paragraph for each family of runtimes;
`facts` reads both. `models`, `runtimes` and `pods` make objects of them, `chart` writes these as
the chart's files. What an administrator may set stands in the objects as a Helm expression
(`values`), which the chart's templates evaluate and `rendered` fills with the chart's defaults.
"""
