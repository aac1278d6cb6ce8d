"""The proof that the suites can fail, and that they don't without a reason.

Each planted fault stands once in a deployment of its own, and the right requirements have to be not met, with the right
class of verdict and the right words, while others stay as they are. Each correct variant has to be met throughout.
"""
