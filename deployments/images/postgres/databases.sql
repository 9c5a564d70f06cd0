CREATE DATABASE joulepilot_prefect;
CREATE DATABASE joulepilot_mlflow;
