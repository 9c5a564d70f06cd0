"""The reference job: an ONNX image classifier behind HTTP that follows its own cpuset.

Make a network, serve it, load it::

    python -m components.inference_server.networks mobilenet mobilenet.onnx
    python -m components.inference_server --model mobilenet.onnx --port 8002
    python -m components.inference_server.load http://127.0.0.1:8002 --rate 40 --batch 1

A managed container or a plain process runs the second line; nothing else here knows joulepilot.
"""
