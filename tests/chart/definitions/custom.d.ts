// What the chart uses of kinds that do not come with Kubernetes, as their definitions say.
export interface Metadata {
  name: string;
  namespace?: string;
  labels?: {[name: string]: string};
  annotations?: {[name: string]: string};
}

export interface VerticalPodAutoscaler {
  apiVersion: "autoscaling.k8s.io/v1";
  kind: "VerticalPodAutoscaler";
  metadata: Metadata;
  spec: {
    targetRef: {apiVersion?: string; kind: string; name: string};
    updatePolicy?: {updateMode?: "Off" | "Initial" | "Recreate" | "InPlaceOrRecreate" | "Auto"; minReplicas?: number};
    resourcePolicy?: {containerPolicies?: Array<ContainerPolicy>};
  };
}

export interface ContainerPolicy {
  containerName?: string;
  mode?: "Auto" | "Off";
  minAllowed?: {[name: string]: string};
  maxAllowed?: {[name: string]: string};
  controlledResources?: Array<string>;
  controlledValues?: "RequestsAndLimits" | "RequestsOnly";
}

export interface HTTPRoute {
  apiVersion: "gateway.networking.k8s.io/v1";
  kind: "HTTPRoute";
  metadata: Metadata;
  spec: {parentRefs?: Array<ParentReference>; hostnames?: Array<string>; rules?: Array<Rule>};
}

export interface ParentReference {
  group?: string;
  kind?: string;
  namespace?: string;
  name: string;
  sectionName?: string;
  port?: number;
}

export interface Rule {
  name?: string;
  matches?: Array<Match>;
  filters?: Array<Filter>;
  backendRefs?: Array<BackendRef>;
  timeouts?: {request?: string; backendRequest?: string};
}

export interface Match {
  path?: {type?: "Exact" | "PathPrefix" | "RegularExpression"; value?: string};
  headers?: Array<NameAndValue>;
  queryParams?: Array<NameAndValue>;
  method?: string;
}

export interface NameAndValue {
  type?: "Exact" | "RegularExpression";
  name: string;
  value: string;
}

export interface Filter {
  type: "RequestHeaderModifier" | "ResponseHeaderModifier" | "RequestMirror" | "RequestRedirect" | "URLRewrite" | "ExtensionRef";
  requestHeaderModifier?: {set?: Array<NameAndValue>; add?: Array<NameAndValue>; remove?: Array<string>};
  requestRedirect?: {scheme?: "http" | "https"; hostname?: string; port?: number; statusCode?: number};
}

export interface BackendRef {
  group?: string;
  kind?: string;
  name: string;
  namespace?: string;
  port?: number;
  weight?: number;
}
