"""Tables and figures about data and networks.

survey.py              what a data set holds, in numbers: counts, gray values, copies, conflicting labels
measures.py            how good predictions are, in numbers: accuracy, confusion matrix, calibration
plots.py               figures of data and training: curves, confusion matrix, examples
prediction_plots.py    figures of predictions: faces beside their probabilities, calibration
prediction_lines.py    predictions on the terminal
prediction_tables.py   predictions as CSV, JSON and a pandas table
prediction_figures.py  which figures a set of predictions gets, and their files
"""
