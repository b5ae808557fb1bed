# The render server and the upload API in one image. How it is built, run and checked: docs/container.md.
#
# The base is pinned by digest: the index of Debian 13 "slim" for all architectures. A new one is a change to be seen.
ARG BASE=docker.io/library/debian:trixie-slim@sha256:a29215f6a35e51e22adffa17f89e9d2ef06214e64a2bad10d765c46aea49f11f

# Debian's Python without pip, on which both of the next stages build. No program of the base keeps its setuid bit.
FROM ${BASE} AS python
ENV LANG=C.UTF-8
RUN export DEBIAN_FRONTEND=noninteractive \
 && apt-get update -qq \
 && apt-get install -qq --no-install-recommends ca-certificates libstdc++6 python3 > /dev/null \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/cache/ldconfig /var/log/* \
    /usr/lib/python3*/ensurepip /usr/share/python-wheels \
 && find / -xdev -type f -perm /6000 -exec chmod a-s {} +

# Everything that is needed once stays in this stage: pip, setuptools, the wheels.
FROM python AS build
RUN export DEBIAN_FRONTEND=noninteractive \
 && apt-get update -qq \
 && apt-get install -qq --no-install-recommends python3-venv > /dev/null \
 && python3 -m venv /build/venv \
 && python3 -m venv --without-pip /opt/bildwerk
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_NO_CACHE_DIR=1
WORKDIR /build
COPY requirements/build.txt requirements/runtime.txt requirements/extras.txt requirements/
COPY pyproject.toml ./
COPY scripts/image/wheels.py scripts/image/slim.py ./
# Further formats, sources and monitors: a list with commas of pyproject.toml's extras, or nothing.
ARG EXTRAS=heif,jxl
# Where packages come from is the building machine's business and stays out of the image: secrets `pip` (a pip.conf)
# and `ca` (a certificate that it may name) are there for this step alone, if they are given.
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=secret,id=ca,target=/run/ca.crt \
    venv/bin/python -m pip install -q --require-hashes -r requirements/build.txt \
 && venv/bin/python wheels.py --extras "${EXTRAS}" /build/wheels \
 && venv/bin/python -m pip --python /opt/bildwerk/bin/python install -q --no-index --no-deps --no-compile wheels/*.whl
COPY README.md LICENSE ./
COPY renderer renderer
COPY api api
COPY bildwerk bildwerk
# Byte code is compiled here, since nothing can be written later, and trusted as it is: no file times are compared.
RUN venv/bin/python -m pip wheel -q --no-index --no-deps --no-build-isolation -w own . \
 && venv/bin/python -m pip --python /opt/bildwerk/bin/python install -q --no-index --no-deps --no-compile own/*.whl \
 && venv/bin/python slim.py /opt/bildwerk \
 && /opt/bildwerk/bin/python -m compileall -q -j 2 --invalidation-mode unchecked-hash /opt/bildwerk

FROM python AS image
LABEL org.opencontainers.image.title="Bildwerk" \
      org.opencontainers.image.description="An image render server that answers imgproxy's processing URLs" \
      org.opencontainers.image.licenses="Apache-2.0"
# The user id of imgproxy's image, so that mounted folders keep working. The one folder that is the user's own is for a
# volume: the queue of `bildwerk api`, or results that are kept.
RUN echo 'imgproxy:x:999:' >> /etc/group \
 && echo 'imgproxy:x:999:999::/nonexistent:/usr/sbin/nologin' >> /etc/passwd \
 && install -d -o 999 -g 999 /var/lib/bildwerk
COPY --from=build /opt/bildwerk /opt/bildwerk
# What bildwerk/allocator.py would start the server anew for; glibc reads both when a program starts.
ENV PATH=/opt/bildwerk/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    MALLOC_ARENA_MAX=2 \
    GLIBC_TUNABLES=glibc.malloc.hugetlb=1:glibc.malloc.mxfast=0:glibc.malloc.mmap_threshold=1048576:glibc.malloc.trim_threshold=4194304
USER 999:999
WORKDIR /tmp
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=6s --start-period=10s --retries=3 CMD ["bildwerk", "health"]
# `env` becomes the command that it is given, which so is process 1 and hears SIGTERM itself. Commands are named in
# full, as for imgproxy's image: `imgproxy`, `imgproxy health`, `bildwerk api`.
ENTRYPOINT ["/usr/bin/env", "--"]
CMD ["bildwerk", "serve"]
