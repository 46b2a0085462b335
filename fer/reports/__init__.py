"""Tables and figures about data and networks.

survey.py              what a data set holds, in numbers: counts, gray values, copies, conflicting labels
measures.py            how good predictions are, in numbers: accuracy, confusion matrix; calibration.py and
                       precision_recall.py belong to it
features.py            principal components of what the last layer sees
plots.py               figures of data and training: curves, confusion matrix, examples
score_plots.py         figures of an evaluation: calibration, F1, precision and recall, the map of features
trials.py              the trials of a search: their table, and Optuna's figures
prediction_plots.py    figures of predictions: faces beside their probabilities, and maps
prediction_lines.py    predictions on the terminal
prediction_tables.py   predictions as CSV, JSON and a pandas table
prediction_figures.py  which figures a set of predictions gets, and their files
"""
