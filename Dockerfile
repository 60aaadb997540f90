# The example project: one image for web, worker, beat and migrations; the command says which. See docs/deploying.md.
FROM python:3.13.1-slim-bookworm

ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    CACHEDEMO_VAR=/srv/var

RUN groupadd --gid 10001 cachedemo \
    && useradd --system --uid 10001 --gid cachedemo --home-dir /srv --shell /usr/sbin/nologin cachedemo \
    && mkdir -p /srv/app /srv/var \
    && chown cachedemo:cachedemo /srv/var

WORKDIR /srv/app

# The requirements first: they change less often than the code, and the layer is kept.
COPY requirements.txt requirements-deploy.txt constraints.txt ./
RUN pip install -r requirements.txt -r requirements-deploy.txt -c constraints.txt

COPY manage.py ./
COPY config ./config
COPY cachedemo ./cachedemo
COPY users ./users
COPY demo ./demo
COPY playground ./playground
COPY deploy/gunicorn.conf.py ./deploy/gunicorn.conf.py
COPY deploy/uvicorn_server.py ./deploy/uvicorn_server.py

USER 10001:10001

# Asks no server; these two only let the settings be read.
RUN SECRET_KEY=only-for-collectstatic REDIS_URL=redis://127.0.0.1:6379 python manage.py collectstatic --noinput

EXPOSE 8000

CMD ["gunicorn", "--config", "deploy/gunicorn.conf.py", "config.wsgi"]
