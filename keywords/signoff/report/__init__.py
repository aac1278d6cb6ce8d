"""The sign-off page: from Robot Framework's results to one sentence, one table and one exit code.

Data flows one way: :mod:`.checklist` (what is required) and :mod:`.results` (what Robot Framework reported) go into
:mod:`.judgement`, which is pure; :mod:`.data` gives its answer the shape of ``signoff.json``, and :mod:`.page` draws
that as ``signoff.html``. Only :mod:`.results` knows Robot Framework, and of it only the result model.
"""
