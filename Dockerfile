# syntax=docker/dockerfile:1
# The image of a scheduled run: the program, the runner, the policy pack, their modules and Pulumi's plugins. A run downloads nothing.
#
# Base: Pulumi's own image with Node 22; its tag is the version of the engine, the same as @pulumi/pulumi in package.json. A tag can
# be moved: in a registry of yours, pin it by digest (docker buildx imagetools inspect pulumi/pulumi-nodejs-22:3.246.0), as
#   docker build --build-arg BASE=pulumi/pulumi-nodejs-22:3.246.0@sha256:… .
ARG BASE=pulumi/pulumi-nodejs-22:3.246.0

FROM ${BASE} AS build
WORKDIR /opt/kamino
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --no-audit --no-fund
# The provider plugins, in the versions of their SDKs.
ENV PULUMI_HOME=/opt/pulumi PULUMI_SKIP_UPDATE_CHECK=true
RUN for name in azure-native kubernetes; do \
        version="$(node -p "require('@pulumi/$name/package.json').version")" && \
        pulumi plugin install resource "$name" "v$version" --exact || exit 1; \
    done
COPY Pulumi.yaml tsconfig.json index.ts LICENSE ./
COPY components components
COPY policies policies
COPY runner runner

FROM ${BASE}
# Known to the pod template in components/schedule/pod.ts.
ARG USER=1000
WORKDIR /opt/kamino
COPY --from=build /opt/pulumi/plugins /opt/pulumi/plugins
COPY --from=build /opt/kamino /opt/kamino
ENV NODE_ENV=production \
    # runner/pod.ts gives pulumi a home that may be written to, with these plugins in it.
    KAMINO_PLUGINS=/opt/pulumi/plugins \
    PULUMI_SKIP_UPDATE_CHECK=true \
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION=true
USER ${USER}:${USER}
# The base starts pulumi; here it is the runner, which does, and which hears the signals.
ENTRYPOINT ["node", "--require", "esbuild-register", "runner/main.ts"]
CMD ["preview"]
